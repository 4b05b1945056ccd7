//! Whole documents, text in and findings out.
