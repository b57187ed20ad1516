/** The element of an app's card on the dashboard. */
export const cardId = (app: string) => `app-${app}`;
