/** What an assertion is about is not there: in the image, or where it is looked at. Its message is the reason. */
export class NotApplicable extends Error {}
