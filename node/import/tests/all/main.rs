//! The readers and writers as a caller sees them.

mod figures;
mod fixtures;
mod hashes;
mod keys;
mod large;
mod mutations;
mod oathtool;
mod round_trip;
mod shown;
