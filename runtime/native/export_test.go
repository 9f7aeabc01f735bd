package native

// PollInterval is pollInterval, for tests outside of the package.
const PollInterval = pollInterval
