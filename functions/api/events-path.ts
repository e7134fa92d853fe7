/** Where events are posted. */
export const eventsPath = '/v1/events';
