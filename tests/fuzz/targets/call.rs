#![no_main]
hookdesk_fuzz::target!("call");
