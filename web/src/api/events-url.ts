// Everything that happens from now on, in all runs: a sign to look again, not a history.
export const eventsUrl = "/api/v1/events?from=latest";
