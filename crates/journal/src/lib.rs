//! Lines to a file or stdout, off the hot path, in bounded memory.
