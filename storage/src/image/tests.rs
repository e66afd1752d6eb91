//! What a clean stop left is loaded byte for byte, or not at all.

use std::collections::BTreeMap;

use super::*;

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn clean() -> Clean {
    Clean {
        applied: LogId {
            term: 3,
            node: 1,
            index: 299,
        },
        digest: [7; 32],
        meta: b"meta".to_vec(),
    }
}

fn row(number: u32) -> Row {
    (number.to_be_bytes().to_vec(), vec![number as u8; 50])
}

fn expected() -> Rows {
    (0..300).map(row).collect()
}

fn stop_cleanly(dir: &Path) {
    Image::write(dir, clean(), (0..300).map(row)).unwrap();
}

fn load(dir: &Path) -> Option<(Clean, Rows)> {
    let image = Image::open(dir).unwrap()?;
    let rows = image.rows().collect::<Result<_, _>>().unwrap();
    Some((image.clean().clone(), rows))
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
    assert_eq!(load(dir.path()), None);
    stop_cleanly(dir.path());
    assert_eq!(load(dir.path()), Some((clean(), expected())));
}

#[test]
fn the_next_clean_stop_replaces_all_of_the_former() {
    let dir = tempfile::tempdir().unwrap();
    stop_cleanly(dir.path());
    Image::write(dir.path(), clean(), (200..210).map(row)).unwrap();
    assert_eq!(load(dir.path()), Some((clean(), (200..210).map(row).collect())));
}

#[test]
fn a_removed_image_is_gone_and_removing_nothing_is_well() {
    let dir = tempfile::tempdir().unwrap();
    stop_cleanly(dir.path());
    for _ in 0..2 {
        Image::remove(dir.path()).unwrap();
        assert_eq!(load(dir.path()), None);
        assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
    }
}

#[test]
fn rows_without_a_marker_are_no_image() {
    let dir = tempfile::tempdir().unwrap();
    stop_cleanly(dir.path());
    fs::remove_file(dir.path().join(MARKER)).unwrap();
    assert_eq!(load(dir.path()), None);
    stop_cleanly(dir.path());
    assert_eq!(load(dir.path()), Some((clean(), expected())));
}

#[test]
fn a_marker_that_cannot_be_removed_is_an_error_and_the_rows_stay() {
    let dir = tempfile::tempdir().unwrap();
    let marker = dir.path().join(MARKER);
    stop_cleanly(dir.path());
    fs::remove_file(&marker).unwrap();
    fs::create_dir(&marker).unwrap();
    assert!(matches!(Image::remove(dir.path()), Err(ImageError::Io { .. })));
    assert!(dir.path().join(ROWS).exists());
}

#[test]
fn any_damage_to_marker_or_rows_means_rebuild() {
    let sound = tempfile::tempdir().unwrap();
    stop_cleanly(sound.path());
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
            assert_eq!(load(copy.path()), None, "{} at {position}", name.display());
            tried += 1;
        }
    }
    assert!(tried > 80);
    assert_eq!(load(sound.path()), Some((clean(), expected())));
}

#[test]
fn a_missing_or_an_added_file_means_rebuild() {
    let sound = tempfile::tempdir().unwrap();
    stop_cleanly(sound.path());
    for file in files(sound.path()) {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(sound.path(), copy.path());
        fs::remove_file(copy.path().join(file.strip_prefix(sound.path()).unwrap())).unwrap();
        assert_eq!(load(copy.path()), None);
    }
    fs::write(sound.path().join(ROWS).join("stranger"), b"?").unwrap();
    assert_eq!(load(sound.path()), None);
}
