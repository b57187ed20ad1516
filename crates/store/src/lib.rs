//! SQLite and PostgreSQL behind one interface, one file a table.
