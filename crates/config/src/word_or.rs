//! A field that is a word as a rule, and a mapping where there is more to say.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// One word for what is usual, or a mapping for what is not.
#[derive(Debug)]
pub(crate) enum WordOr<T> {
    /// A word.
    Word(String),
    /// A mapping.
    Mapping(T),
}

/// What stands in the place of one word.
pub(crate) trait InsteadOfWord {
    /// The word.
    const WORD: &'static str;
    /// All words, where there are several.
    const WORDS: &'static [&'static str] = &[Self::WORD];
    /// What both are, for the schema.
    const DESCRIPTION: &'static str;
    /// What is expected, for errors.
    const EXPECTED: &'static str;
}

impl<'de, T: Deserialize<'de> + InsteadOfWord> Deserialize<'de> for WordOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrMapping<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + InsteadOfWord> Visitor<'de> for WordOrMapping<T> {
            type Value = WordOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E>(self, word: &str) -> Result<WordOr<T>, E> {
                Ok(WordOr::Word(word.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WordOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(WordOr::Mapping)
            }
        }

        deserializer.deserialize_any(WordOrMapping(PhantomData))
    }
}

impl<T: JsonSchema + InsteadOfWord> JsonSchema for WordOr<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}OrWord", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let words = match T::WORDS {
            [word] => json_schema!({ "const": word }),
            words => json_schema!({ "enum": words }),
        };
        json_schema!({
            "description": T::DESCRIPTION,
            "anyOf": [words, generator.subschema_for::<T>()],
        })
    }
}
