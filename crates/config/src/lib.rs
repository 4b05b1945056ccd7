//! token-broker.yaml to REST API objects, clients and policies.
