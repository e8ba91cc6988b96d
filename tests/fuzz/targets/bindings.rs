#![no_main]
hookdesk_fuzz::target!("bindings");
