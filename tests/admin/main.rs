//! The management surface over a registry in memory: what each route promises, and what must not happen.

mod instances;
mod keys;
mod lists;
mod memory;
mod office;
mod reseal;
mod trouble;
