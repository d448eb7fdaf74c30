//! Texts that clients send, as the types of arguments and input fields. Each says which kind of text it takes, and has it
//! tidied before anything else sees it. What no text of its kind may hold is refused where the other rules of the field
//! are checked, so that the refusal names the field.

use std::borrow::Cow;
use std::ops::Deref;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Value};

use crate::text::{tidy_line, tidy_prose};

macro_rules! text {
    ($(#[$doc:meta])+ $name:ident, $tidy:path) => {
        $(#[$doc])+
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name(String);

        impl InputType for $name {
            type RawValueType = String;

            fn type_name() -> Cow<'static, str> {
                <String as InputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <String as InputType>::create_type_info(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let text = <String as InputType>::parse(value).map_err(InputValueError::propagate)?;
                Ok(Self($tidy(&text)))
            }

            fn to_value(&self) -> Value {
                Value::String(self.0.clone())
            }

            fn as_raw_value(&self) -> Option<&String> {
                Some(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }
    };
}

text! {
    /// A text of one line: a name, a code, a condition of a filter.
    Line, tidy_line
}
text! {
    /// A text of several lines: a description, a note, an article.
    Prose, tidy_prose
}
