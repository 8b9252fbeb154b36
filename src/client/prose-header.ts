/** EcoLink's own clients send this header with the value `parts`: they say references in their own words. */
export const proseHeader = 'ecolink-prose';
export const proseParts = 'parts';
