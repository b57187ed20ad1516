//! Systems, queues, scripts and jobs, and the schedulers that run them.
