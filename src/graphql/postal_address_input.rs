//! The postal address that clients send (P1b).

use async_graphql::{InputObject, MaybeUndefined};

use super::mutation_inputs::put_text;
use super::text::Line;
use crate::people::Details;

/// Where mail goes. It registers nobody at an address. A field that is left out stays as it is; null empties it.
#[derive(InputObject, Clone, Debug)]
pub struct PostalAddressInput {
    /// The street, or a post office box.
    street: MaybeUndefined<Line>,
    /// The house number with its addition.
    house_number: MaybeUndefined<Line>,
    /// The postal code.
    postal_code: MaybeUndefined<Line>,
    /// The city.
    city: MaybeUndefined<Line>,
    /// The country, as it is written on an envelope.
    country: MaybeUndefined<Line>,
}

impl PostalAddressInput {
    fn put(&self, details: &mut Details) {
        put_text(&mut details.street, &self.street);
        put_text(&mut details.house_number, &self.house_number);
        put_text(&mut details.postal_code, &self.postal_code);
        put_text(&mut details.city, &self.city);
        put_text(&mut details.country, &self.country);
    }
}

/// Writes the given fields over stored ones; null empties all of them.
pub fn put_postal_address(details: &mut Details, address: &MaybeUndefined<PostalAddressInput>) {
    match address {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => {
            let Details { street, house_number, postal_code, city, country, .. } = details;
            for part in [street, house_number, postal_code, city, country] {
                *part = None;
            }
        }
        MaybeUndefined::Value(address) => address.put(details),
    }
}
