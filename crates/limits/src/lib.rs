//! Token buckets and quotas, and one all-or-nothing spend over several of them.
