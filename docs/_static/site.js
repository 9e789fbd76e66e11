// Figures are drawn while the page is still being laid out; once it is, they take the width that there is.
addEventListener("load", () => dispatchEvent(new Event("resize")));
