//! CloudFormation's values: YAML in which a mapping such as `{Ref: OrdersTable}` stands for something else.
//!
//! [`Expression`] is a serde deserializer that replaces such mappings while it is read. What no struct asks for is never
//! replaced, so a property that means nothing locally may refer to whatever it likes. It is also as lenient about
//! scalars as CloudFormation is: `'30'` is a number where a number is asked for, and `true` a text.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
        value::Error,
    },
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

/// What names come to: parameters, resources and conditions of one template.
pub(super) trait Scope {
    /// `Ref`; `None` is `AWS::NoValue`.
    fn reference(&self, name: &str) -> Result<Option<Value>, Error>;
    /// `Fn::GetAtt`.
    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, Error>;
    /// A named condition.
    fn condition(&self, name: &str) -> Result<bool, Error>;
}

/// A value as the template writes it, and where to look up what it names.
pub(super) struct Expression<'a> {
    value: Value,
    scope: &'a dyn Scope,
}

impl<'a> Expression<'a> {
    pub(super) fn new(value: Value, scope: &'a dyn Scope) -> Self {
        Self { value, scope }
    }

    /// The truth of a condition: `Fn::Equals`, `Fn::Not`, `Fn::And`, `Fn::Or` or `Condition`.
    pub(super) fn holds(self) -> Result<bool, Error> {
        let scope = self.scope;
        let Some((name, argument)) = function(&self.value) else {
            return Err(Error::custom("is not a condition; write !Equals, !Not, !And, !Or or !Condition"));
        };
        let parts = || array(argument.clone()).map(Vec::into_iter);
        match name {
            "Fn::Equals" => {
                let parts = parts()?.map(|part| text(part, scope)).collect::<Result<Vec<_>, _>>()?;
                match parts.as_slice() {
                    [left, right] => Ok(left == right),
                    _ => Err(Error::custom("Fn::Equals compares exactly two values")),
                }
            }
            "Fn::Not" => Ok(!parts()?.next().map_or(Ok(false), |part| Self::new(part, scope).holds())?),
            "Fn::And" => parts()?.try_fold(true, |all, part| Ok(all & Self::new(part, scope).holds()?)),
            "Fn::Or" => parts()?.try_fold(false, |any, part| Ok(any | Self::new(part, scope).holds()?)),
            "Condition" => scope.condition(&text(argument.clone(), scope)?),
            other => Err(Error::custom(format!("{other} is not a condition"))),
        }
    }

    /// The value with the function at its head replaced; `None` is `AWS::NoValue`.
    fn reduce(self) -> Result<Option<Value>, Error> {
        let Some((name, argument)) = function(&self.value) else {
            return Ok(Some(self.value));
        };
        let scope = self.scope;
        let argument = argument.clone();
        match name {
            "Ref" => scope.reference(&text(argument, scope)?),
            "Fn::GetAtt" => attribute(argument, scope).map(Some),
            "Fn::Sub" => substituted(argument, scope).map(Some),
            "Fn::Join" => {
                let [separator, parts] = pair(argument, "Fn::Join")?;
                let separator = text(separator, scope)?;
                Ok(Some(texts(parts, scope)?.join(&separator).into()))
            }
            "Fn::Split" => {
                let [separator, whole] = pair(argument, "Fn::Split")?;
                let (separator, whole) = (text(separator, scope)?, text(whole, scope)?);
                Ok(Some(whole.split(&separator).collect()))
            }
            "Fn::Select" => {
                let [index, list] = pair(argument, "Fn::Select")?;
                let index = usize::deserialize(Self::new(index, scope))?;
                let chosen = texts(list, scope)?.into_iter().nth(index);
                let chosen =
                    chosen.ok_or_else(|| Error::custom(format!("the list has no element {index}")))?;
                Ok(Some(chosen.into()))
            }
            "Fn::If" => {
                let Ok([condition, then, otherwise]) = <[Value; 3]>::try_from(array(argument)?) else {
                    return Err(Error::custom("Fn::If takes a condition and two values"));
                };
                let holds = scope.condition(&text(condition, scope)?)?;
                Self::new(if holds { then } else { otherwise }, scope).reduce()
            }
            other => Err(Error::custom(format!("{other} is not understood by the local cloud"))),
        }
    }

    fn present(self) -> Result<Value, Error> {
        self.reduce()?.ok_or_else(|| Error::custom("AWS::NoValue stands where a value is needed"))
    }
}

/// The function that a mapping of one entry stands for, with its argument.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let mapping = value.as_object().filter(|mapping| mapping.len() == 1)?;
    let (name, argument) = mapping.iter().next()?;
    (name == "Ref" || name == "Condition" && argument.is_string() || name.starts_with("Fn::"))
        .then_some((name.as_str(), argument))
}

fn text(value: Value, scope: &dyn Scope) -> Result<String, Error> {
    String::deserialize(Expression::new(value, scope))
}

fn texts(value: Value, scope: &dyn Scope) -> Result<Vec<String>, Error> {
    Vec::deserialize(Expression::new(value, scope))
}

fn array(value: Value) -> Result<Vec<Value>, Error> {
    match value {
        Value::Array(elements) => Ok(elements),
        other => Err(Error::custom(format!("a list is needed, not {other}"))),
    }
}

fn pair(value: Value, function: &str) -> Result<[Value; 2], Error> {
    <[Value; 2]>::try_from(array(value)?)
        .map_err(|_| Error::custom(format!("{function} takes a list of two values")))
}

/// `[Table, Arn]`, or `Table.Arn` as the short form has it.
fn attribute(argument: Value, scope: &dyn Scope) -> Result<Value, Error> {
    let path = match argument {
        Value::String(path) => path,
        list => texts(list, scope)?.join("."),
    };
    let (resource, attribute) = path.split_once('.').ok_or_else(|| {
        Error::custom(format!("Fn::GetAtt needs a resource and an attribute, not `{path}`"))
    })?;
    scope.attribute(resource, attribute)
}

/// `Fn::Sub` with or without names of its own.
fn substituted(argument: Value, scope: &dyn Scope) -> Result<Value, Error> {
    let (pattern, own) = match argument {
        Value::String(pattern) => (pattern, Map::new()),
        list => match pair(list, "Fn::Sub")? {
            [Value::String(pattern), Value::Object(own)] => (pattern, own),
            _ => return Err(Error::custom("Fn::Sub takes a text, or a text and a mapping")),
        },
    };
    let mut result = String::new();
    let mut rest = pattern.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| Error::custom(format!("`${{` is not closed in `{pattern}`")))?;
        result.push_str(before);
        if let Some(literal) = name.strip_prefix('!') {
            result.push_str("${");
            result.push_str(literal);
            result.push('}');
        } else if let Some(value) = own.get(name) {
            result.push_str(&text(value.clone(), scope)?);
        } else if let Some((resource, attribute)) = name.split_once('.') {
            result.push_str(&text(scope.attribute(resource, attribute)?, scope)?);
        } else {
            let value = scope.reference(name)?.unwrap_or_default();
            result.push_str(&text(value, scope)?);
        }
        rest = after;
    }
    result.push_str(rest);
    Ok(result.into())
}

/// A number or truth value, also where it is written as a text.
macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let value = match self.present()? {
                Value::String(written) => match serde_json::from_str::<Value>(&written) {
                    Ok(meant @ (Value::Number(_) | Value::Bool(_))) => meant,
                    _ => return Err(Error::invalid_type(Unexpected::Str(&written), &visitor)),
                },
                other => other,
            };
            value.$method(visitor).map_err(Error::custom)
        }
    )*};
}

impl<'de> Deserializer<'de> for Expression<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let scope = self.scope;
        match self.present()? {
            Value::Array(elements) => visitor.visit_seq(Elements { rest: elements.into_iter(), scope }),
            Value::Object(entries) => {
                visitor.visit_map(Entries { rest: entries.into_iter(), value: None, scope })
            }
            scalar => scalar.deserialize_any(visitor).map_err(Error::custom),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let scope = self.scope;
        match self.reduce()? {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(value) => visitor.visit_some(Self::new(value, scope)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.present()? {
            Value::String(text) => visitor.visit_string(text),
            scalar @ (Value::Number(_) | Value::Bool(_)) => visitor.visit_string(scalar.to_string()),
            other => other.deserialize_string(visitor).map_err(Error::custom),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    scalars! { deserialize_bool deserialize_i64 deserialize_u16 deserialize_u32 deserialize_u64 }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct
        map struct enum identifier
    }
}

struct Elements<'a> {
    rest: std::vec::IntoIter<Value>,
    scope: &'a dyn Scope,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        for element in self.rest.by_ref() {
            if let Some(value) = Expression::new(element, self.scope).reduce()? {
                return seed.deserialize(Expression::new(value, self.scope)).map(Some);
            }
        }
        Ok(None)
    }
}

struct Entries<'a> {
    rest: serde_json::map::IntoIter,
    value: Option<Value>,
    scope: &'a dyn Scope,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(Expression::new(self.value.take().unwrap_or_default(), self.scope))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{value, value_with};

    #[test]
    fn short_and_long_forms_mean_the_same() {
        for yaml in ["!Ref Name", "{ Ref: Name }", "!Sub '${Name}'", "{ 'Fn::Sub': '${Name}' }"] {
            assert_eq!(value(yaml).unwrap(), "shop", "{yaml}");
        }
        let arn = "arn:aws:sqs:eu-west-1:000000000000:Work";
        for yaml in ["!GetAtt Work.Arn", "{ 'Fn::GetAtt': [Work, Arn] }", "!Sub '${Work.Arn}'"] {
            assert_eq!(value(yaml).unwrap(), arn, "{yaml}");
        }
    }

    #[test]
    fn sub_takes_names_of_its_own_and_leaves_literals() {
        assert_eq!(value("!Sub ['${Own}/${Name}', { Own: !Ref Size }]").unwrap(), "small/shop");
        assert_eq!(value("!Sub 'a ${!Literal} b'").unwrap(), "a ${Literal} b");
        let place = "template.yaml: Resources.Run.Properties.Environment.Variables.X: ";
        assert_eq!(value("!Sub '${Name'"), Err(format!("{place}`${{` is not closed in `${{Name`")));
    }

    #[test]
    fn lists_are_joined_split_and_selected_from() {
        assert_eq!(value("!Join [',', !Ref Origins]").unwrap(), "https://a.example,https://b.example");
        assert_eq!(value("!Select [1, !Ref Origins]").unwrap(), "https://b.example");
        assert_eq!(value("!Select ['0', !Split ['-', 'x-y']]").unwrap(), "x");
        assert!(value("!Select [7, !Ref Origins]").unwrap_err().ends_with("the list has no element 7"));
    }

    #[test]
    fn conditions_choose_and_the_branch_not_taken_is_not_looked_at() {
        assert_eq!(value("!If [IsLarge, !Ref Nowhere, little]").unwrap(), "little");
        assert_eq!(value_with("!If [IsLarge, much, !Ref Nowhere]", &[("Size", "large")]).unwrap(), "much");
        assert_eq!(value("!If [IsNamed, !If [IsSmall, both, one], none]").unwrap(), "both");
        assert_eq!(value("!If [IsLarge, much, !Ref 'AWS::NoValue']"), Err("not set".to_owned()));
        assert!(value("!If [Turns, a, b]").unwrap_err().ends_with("the condition `Turns` depends on itself"));
    }

    #[test]
    fn scalars_are_texts_where_texts_are_asked_for() {
        assert_eq!(value("15").unwrap(), "15");
        assert_eq!(value("true").unwrap(), "true");
        assert_eq!(value("'1.0'").unwrap(), "1.0");
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place() {
        let place = "template.yaml: Resources.Run.Properties.Environment.Variables.X: ";
        let error = |yaml| value(yaml).unwrap_err().replace(place, "");
        assert_eq!(error("!Ref Nowhere"), "there is no parameter or resource `Nowhere`");
        assert_eq!(error("!GetAtt Nowhere.Arn"), "there is no resource `Nowhere`");
        assert_eq!(error("!If [Never, a, b]"), "there is no condition `Never`");
        assert_eq!(error("!ImportValue other"), "Fn::ImportValue is not understood by the local cloud");
        assert_eq!(error("!Join [',']"), "Fn::Join takes a list of two values");
        assert_eq!(
            error("!GetAtt Role.Arn"),
            "`Role.Arn` has no counterpart in the local cloud; make it a parameter"
        );
    }
}
