//! What a function is: the proxy event, the reply, the Function trait.
