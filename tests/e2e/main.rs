//! End to end: real helm, real kubectl, real RabbitMQ.

fn main() {}
