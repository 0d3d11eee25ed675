//! The additions, put between the caller's own bytes.

use super::edit::{Addition, Found, PRECISION, REFERENCE};
use super::reference::{Made, Reference};

/// A body with its additions, and the references that were made for it.
pub(super) struct Splice {
    pub(super) body: Option<Vec<u8>>,
    pub(super) made: Made,
}

/// Copies `body` into one buffer of the exact size, with the edits that were found for it.
pub(super) fn splice(body: &[u8], found: &Found, mut random: impl FnMut() -> [u8; 16]) -> Splice {
    let mut made = Made::default();
    if found.edits.is_empty() {
        return Splice { body: None, made };
    }
    let precision = found.precision_added.map(|precision| precision.to_string()).unwrap_or_default();
    let mut out = Vec::with_capacity(found.size);
    let mut copied = 0;
    for edit in &found.edits {
        out.extend_from_slice(body.get(copied..edit.start).unwrap_or_default());
        copied = edit.end;
        let mut reference = |out: &mut Vec<u8>| {
            let reference = Reference::from_random(random());
            made.add(edit.item, reference);
            out.push(b'"');
            reference.write(out);
            out.push(b'"');
        };
        match edit.addition {
            Addition::Precision => out.extend_from_slice(precision.as_bytes()),
            Addition::Reference => reference(&mut out),
            Addition::Members { comma, precision: add_precision, reference: add_reference } => {
                if add_precision {
                    if comma {
                        out.push(b',');
                    }
                    out.extend_from_slice(PRECISION);
                    out.extend_from_slice(precision.as_bytes());
                }
                if add_reference {
                    if comma || add_precision {
                        out.push(b',');
                    }
                    out.extend_from_slice(REFERENCE);
                    reference(&mut out);
                }
            }
        }
    }
    out.extend_from_slice(body.get(copied..).unwrap_or_default());
    Splice { body: Some(out), made }
}
