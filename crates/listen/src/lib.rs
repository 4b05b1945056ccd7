//! Accept loop: connection caps, header deadlines, drain.
