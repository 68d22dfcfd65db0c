"use strict";
// A QR code brings the key behind #, which no server gets to see: it is put into the field and taken out of the address.
(() => {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  document.getElementById("key").value = key;
  history.replaceState(null, "", location.pathname + location.search);
})();
