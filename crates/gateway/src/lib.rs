//! The data plane: one file per step of the pipeline.
