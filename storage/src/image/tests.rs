//! The image is served after a clean stop, byte for byte, or not at all.

use std::collections::BTreeMap;

use super::*;

const DIGEST: [u8; 32] = [7; 32];

fn at(index: u64) -> LogId {
    LogId {
        term: 3,
        node: 1,
        index,
    }
}

fn row(number: u32) -> Row {
    (number.to_be_bytes().to_vec(), vec![number as u8; 50])
}

fn rows(image: &Image) -> BTreeMap<Vec<u8>, Vec<u8>> {
    image.rows().collect::<Result<_, _>>().unwrap()
}

fn fill(image: &Image, numbers: std::ops::Range<u32>) {
    for number in numbers {
        image
            .write(at(u64::from(number)), vec![row(number)], Vec::new())
            .unwrap();
    }
}

fn stopped_cleanly(dir: &Path) {
    let (image, clean) = Image::open(dir).unwrap();
    assert_eq!(clean, None);
    fill(&image, 0..300);
    image.close_clean(at(299), DIGEST, b"meta").unwrap();
}

fn expected() -> BTreeMap<Vec<u8>, Vec<u8>> {
    (0..300).map(row).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target)
        } else {
            let _ = fs::copy(&path, &target).unwrap();
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

#[test]
fn a_clean_stop_brings_back_rows_digest_and_metadata() {
    let dir = tempfile::tempdir().unwrap();
    stopped_cleanly(dir.path());
    for _ in 0..3 {
        let (image, clean) = Image::open(dir.path()).unwrap();
        assert_eq!(
            clean,
            Some(Clean {
                applied: at(299),
                digest: DIGEST,
                meta: b"meta".to_vec()
            })
        );
        assert_eq!(image.applied().unwrap(), Some(at(299)));
        assert_eq!(rows(&image), expected());
        image.close_clean(at(299), DIGEST, b"meta").unwrap();
    }
}

#[test]
fn puts_and_deletes_are_one_step_with_the_applied_id() {
    let dir = tempfile::tempdir().unwrap();
    let (image, _) = Image::open(dir.path()).unwrap();
    image.write(at(1), vec![row(1), row(2), row(3)], Vec::new()).unwrap();
    image
        .write(at(2), vec![row(4)], vec![row(2).0, b"nothing here".to_vec()])
        .unwrap();
    assert_eq!(rows(&image), [1, 3, 4].map(row).into());
    assert_eq!(image.applied().unwrap(), Some(at(2)));
    assert!(matches!(
        image.write(at(3), vec![(Vec::new(), vec![1])], Vec::new()),
        Err(ImageError::ReservedKey)
    ));
    assert_eq!(image.applied().unwrap(), Some(at(2)));
}

#[test]
fn without_a_marker_the_image_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    let (image, _) = Image::open(dir.path()).unwrap();
    fill(&image, 0..50);
    drop(image);
    let (image, clean) = Image::open(dir.path()).unwrap();
    assert_eq!((clean, rows(&image)), (None, BTreeMap::new()));
}

#[test]
fn the_marker_is_gone_before_the_first_write_and_not_earlier() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join(MARKER);
    stopped_cleanly(dir.path());
    let (image, clean) = Image::open(dir.path()).unwrap();
    assert!(clean.is_some() && marker.exists());
    assert_eq!(rows(&image).len(), 300);
    assert!(marker.exists(), "reading leaves the marker");
    image.write(at(300), vec![row(300)], Vec::new()).unwrap();
    assert!(!marker.exists());
    drop(image);
    assert_eq!(Image::open(dir.path()).unwrap().1, None);
}

#[test]
fn a_marker_that_cannot_be_removed_stops_the_write() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join(MARKER);
    stopped_cleanly(dir.path());
    let (image, _) = Image::open(dir.path()).unwrap();
    fs::remove_file(&marker).unwrap();
    fs::create_dir(&marker).unwrap();
    assert!(matches!(
        image.write(at(300), vec![row(300)], Vec::new()),
        Err(ImageError::Io { .. })
    ));
    assert_eq!(image.applied().unwrap(), Some(at(299)));
}

#[test]
fn any_damage_to_marker_or_rows_means_rebuild() {
    let sound = tempfile::tempdir().unwrap();
    stopped_cleanly(sound.path());
    let mut tried = 0;
    for file in files(sound.path()) {
        let name = file.strip_prefix(sound.path()).unwrap().to_owned();
        let length = fs::metadata(&file).unwrap().len() as usize;
        let step = (length / 40).max(1);
        for position in (0..length).step_by(step) {
            let copy = tempfile::tempdir().unwrap();
            copy_tree(sound.path(), copy.path());
            let mut bytes = fs::read(copy.path().join(&name)).unwrap();
            bytes[position] ^= 1 << (position % 8);
            fs::write(copy.path().join(&name), bytes).unwrap();
            let (image, clean) = Image::open(copy.path()).unwrap();
            assert_eq!(
                (clean, rows(&image).len()),
                (None, 0),
                "{} at {position}",
                name.display()
            );
            tried += 1;
        }
    }
    assert!(tried > 80);
    assert_eq!(rows(&Image::open(sound.path()).unwrap().0), expected());
}

#[test]
fn a_missing_or_an_added_file_means_rebuild() {
    let sound = tempfile::tempdir().unwrap();
    stopped_cleanly(sound.path());
    for file in files(sound.path()) {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(sound.path(), copy.path());
        fs::remove_file(copy.path().join(file.strip_prefix(sound.path()).unwrap())).unwrap();
        assert_eq!(Image::open(copy.path()).unwrap().1, None);
    }
    let rows = generation_dir(sound.path(), 0);
    fs::write(rows.join("stranger"), b"?").unwrap();
    assert_eq!(Image::open(sound.path()).unwrap().1, None);
}

#[test]
fn clearing_drops_everything_and_can_be_followed_by_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    stopped_cleanly(dir.path());
    let (image, _) = Image::open(dir.path()).unwrap();
    image.clear().unwrap();
    assert_eq!((rows(&image).len(), image.applied().unwrap()), (0, None));
    assert!(!dir.path().join(MARKER).exists());
    fill(&image, 0..20);
    image.close_clean(at(19), DIGEST, b"").unwrap();
    let (image, clean) = Image::open(dir.path()).unwrap();
    assert_eq!(clean.unwrap().applied, at(19));
    assert_eq!(rows(&image).len(), 20);
    assert!(!generation_dir(dir.path(), 0).exists());
}
