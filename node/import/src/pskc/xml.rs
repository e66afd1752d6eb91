//! Parts of a document as small trees: the children of the container, one after the other.

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};
use zeroize::Zeroizing;

use crate::{error::ImportError, limits, text::newlines};

/// An element with everything in it. Names are local, in lower case.
pub(super) struct Element {
    pub(super) name: String,
    pub(super) line: u64,
    attributes: Vec<(String, String)>,
    /// Text directly in it, without blanks around it once it is [`trimmed`](Self::text).
    text: Zeroizing<String>,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The first element along a path of names.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The first element of this name anywhere inside.
    pub(super) fn find(&self, name: &str) -> Option<&Element> {
        self.child(name)
            .or_else(|| self.children.iter().find_map(|child| child.find(name)))
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim())
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The text along a path, unless it is empty.
    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).map(Element::text).filter(|text| !text.is_empty())
    }
}

/// What stands behind the last `#` or `:` of an identifier, in lower case: `aes128-cbc`.
pub(super) fn fragment(uri: &str) -> String {
    uri.rsplit(['#', ':', '/'])
        .next()
        .unwrap_or(uri)
        .trim()
        .to_ascii_lowercase()
}

/// A document that is being read.
pub(super) struct Document<'a> {
    reader: Reader<&'a [u8]>,
    input: &'a [u8],
    /// How far lines are counted, and the line there.
    counted: usize,
    line: u64,
}

impl<'a> Document<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        let mut reader = Reader::from_str(input);
        reader.config_mut().check_end_names = true;
        Self {
            reader,
            input: input.as_bytes(),
            counted: 0,
            line: 1,
        }
    }

    /// Enters the container. Whether there is anything in it.
    pub(super) fn enter(&mut self) -> Result<bool, ImportError> {
        loop {
            let event = self.event()?;
            let (start, open) = match &event {
                Event::Start(start) => (start, true),
                Event::Empty(start) => (start, false),
                Event::Eof => return Err(ImportError::Empty("KeyContainer")),
                _ => continue,
            };
            let element = self.element(start)?;
            if element.name != "keycontainer" {
                return Err(self.error("the document is no KeyContainer (RFC 6030)"));
            }
            if element
                .attribute("version")
                .is_some_and(|version| !version.starts_with("1."))
            {
                return Err(self.error("the KeyContainer is of another version than 1.0"));
            }
            return Ok(open);
        }
    }

    /// The next child of the container; `None` at its end.
    pub(super) fn part(&mut self) -> Result<Option<Element>, ImportError> {
        loop {
            match self.event()? {
                Event::Start(start) => {
                    let element = self.element(&start)?;
                    return self.inside(element).map(Some);
                }
                Event::Empty(start) => return self.element(&start).map(Some),
                Event::End(_) => return Ok(None),
                Event::Eof => return Err(self.error("the document ends before its KeyContainer")),
                _ => {}
            }
        }
    }

    /// Reads up to the end of an element that has begun.
    fn inside(&mut self, element: Element) -> Result<Element, ImportError> {
        let mut open = vec![element];
        let (mut elements, mut bytes) = (1, 0);
        loop {
            let event = self.event()?;
            match event {
                Event::Start(start) => {
                    elements += 1;
                    open.push(self.element(&start)?);
                }
                Event::Empty(start) => {
                    elements += 1;
                    let element = self.element(&start)?;
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(element);
                    }
                }
                Event::Text(text) => bytes += push_text(&mut open, &text),
                Event::CData(text) => bytes += push_text(&mut open, &text),
                Event::GeneralRef(reference) => {
                    let symbol = self.resolve(&reference)?;
                    bytes += push_text(&mut open, symbol.encode_utf8(&mut [0; 4]));
                }
                Event::End(_) => {
                    let closed = open.pop();
                    match (closed, open.last_mut()) {
                        (Some(closed), Some(parent)) => parent.children.push(closed),
                        (Some(closed), None) => return Ok(closed),
                        (None, _) => return Err(self.error("an element ends that has not begun")),
                    }
                }
                Event::Eof => return Err(self.error("the document ends inside an element")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
            if open.len() > limits::XML_DEPTH || elements > limits::XML_ELEMENTS || bytes > limits::XML_PART_BYTES {
                return Err(self.error("the element is nested deeper or larger than any of RFC 6030"));
            }
        }
    }

    /// The next event; its line is the current one.
    fn event(&mut self) -> Result<Event<'a>, ImportError> {
        let position = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        self.count_to(position);
        match self.reader.read_event() {
            Ok(Event::DocType(_)) => Err(self.error("a document type is not read")),
            Ok(event) => Ok(event),
            Err(error) => {
                let position = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
                self.count_to(position);
                Err(self.error(&format!("not well-formed XML: {error}")))
            }
        }
    }

    fn count_to(&mut self, position: usize) {
        let position = position.min(self.input.len());
        if position > self.counted {
            self.line += newlines(&self.input[self.counted..position]);
            self.counted = position;
        }
    }

    fn element(&self, start: &BytesStart) -> Result<Element, ImportError> {
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.error(&format!("a broken attribute: {error}")))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| self.error(&format!("a broken attribute: {error}")))?;
            if attributes.len() >= limits::XML_DEPTH || value.len() > limits::ROW_BYTES {
                return Err(self.error("an element has more attributes than any of RFC 6030"));
            }
            attributes.push((local(attribute.key.as_ref()), value.into_owned()));
        }
        Ok(Element {
            name: local(start.name().as_ref()),
            line: self.line,
            attributes,
            text: Zeroizing::default(),
            children: Vec::new(),
        })
    }

    /// One of XML's own five entities, or a character by its number.
    fn resolve(&self, reference: &BytesRef) -> Result<char, ImportError> {
        let number = reference
            .resolve_char_ref()
            .map_err(|_| self.error("a broken character reference"))?;
        if let Some(symbol) = number {
            return Ok(symbol);
        }
        let name: &str = reference;
        match name {
            "amp" => Ok('&'),
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(self.error("an entity that XML itself does not know")),
        }
    }

    fn error(&self, sentence: &str) -> ImportError {
        ImportError::document(self.line, crate::quote::shortened(sentence, 200))
    }
}

fn push_text(open: &mut [Element], text: &str) -> usize {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
    text.len()
}

fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase()
}
