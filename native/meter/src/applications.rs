// SPDX-License-Identifier: Apache-2.0
//! Names that settings give to TCP and UDP ports: what `Application` then says, whatever the packets look like.

use std::collections::HashMap;

use crate::key::Class;

#[derive(Clone, Debug, Default)]
pub struct Applications {
    tcp: HashMap<u16, String>,
    udp: HashMap<u16, String>,
}

impl Applications {
    /// Add "tcp/PORT=NAME" or "udp/PORT=NAME", as settings spell it; the name is shown in capitals.
    pub fn add_text(&mut self, text: &str) -> Result<(), String> {
        let wrong = || {
            format!("{text:?} is not tcp/PORT=NAME or udp/PORT=NAME, for example tcp/8443=ADMIN")
        };
        let (place, name) = text.split_once('=').ok_or_else(wrong)?;
        let (protocol, port) = place.trim().split_once('/').ok_or_else(wrong)?;
        let names = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => &mut self.tcp,
            "udp" => &mut self.udp,
            _ => return Err(wrong()),
        };
        let port = port.trim().parse().map_err(|_| wrong())?;
        match name.trim() {
            "" => return Err(wrong()),
            name => names.insert(port, name.to_uppercase()),
        };
        Ok(())
    }

    /// Return the name for a flow; the port of A comes first, as with the reference.
    pub(crate) fn name_of(&self, class: Class, (a, b): (u16, u16)) -> Option<&str> {
        let names = match class {
            Class::Tcp => &self.tcp,
            Class::Udp => &self.udp,
            _ => return None,
        };
        if names.is_empty() {
            return None;
        }
        names.get(&a).or_else(|| names.get(&b)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_called_as_settings_say_for_its_protocol_only() {
        let mut names = Applications::default();
        for text in ["tcp/8443=admin", " UDP/99 = game "] {
            assert_eq!(names.add_text(text), Ok(()));
        }
        assert_eq!(names.name_of(Class::Tcp, (40000, 8443)), Some("ADMIN"));
        assert_eq!(names.name_of(Class::Udp, (99, 8443)), Some("GAME"));
        assert_eq!(names.name_of(Class::Udp, (8443, 1)), None);
        assert_eq!(names.name_of(Class::Sctp, (8443, 99)), None);
    }

    #[test]
    fn what_is_no_port_and_name_is_refused() {
        let mut names = Applications::default();
        for text in ["8443=x", "tcp/8443", "tcp/99999=x", "sctp/1=x", "tcp/1="] {
            assert!(names.add_text(text).is_err(), "{text}");
        }
    }
}
