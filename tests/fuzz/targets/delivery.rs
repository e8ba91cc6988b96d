#![no_main]
hookdesk_fuzz::target!("delivery");
