package badtable

const AtOnce = atOnce
