/** Where a worker is published to that runs beside the browser. */
export const WHIP = "127.0.0.1:8940";
