// Everything works without this; with it, a visitor is told sooner.
"use strict";

const form = document.querySelector("form[data-max-mib]");
if (form) {
  const file = form.querySelector("input[type=file]");
  const preview = form.querySelector(".preview");
  const said = form.querySelector("#picture-said");
  const limit = Number(form.dataset.maxMib);

  file.addEventListener("change", () => {
    const chosen = file.files[0];
    const large = chosen && chosen.size > limit * 1024 * 1024;
    said.textContent = large
      ? `This picture has ${(chosen.size / 1024 / 1024).toFixed(1)} MB; we take ${limit} MB at most.`
      : "";
    file.setCustomValidity(large ? said.textContent : "");
    if (preview.src) URL.revokeObjectURL(preview.src);
    preview.hidden = !chosen || large;
    if (!preview.hidden) preview.src = URL.createObjectURL(chosen);
  });
  preview.addEventListener("error", () => { preview.hidden = true; });

  for (const field of form.querySelectorAll("[maxlength]")) {
    const left = form.querySelector(`[data-left-for="${field.id}"]`);
    if (!left) continue;
    const show = () => { left.textContent = `${field.maxLength - field.value.length} left`; };
    field.addEventListener("input", show);
    show();
  }

  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.disabled = true;
    button.textContent = "Posting …";
  });
  // Back from the next page: the button is to be used again.
  window.addEventListener("pageshow", () => { form.querySelector("button").disabled = false; });
}

// A picture that is still being made: look again until it is there, ever more seldom.
const waiting = document.querySelector("[data-waiting]");
if (waiting) {
  let pause = 1000;
  const look = async () => {
    try {
      const page = await fetch(location.href, { cache: "no-store" });
      const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
      const photo = parsed.querySelector(".photo");
      if (page.ok && photo && !photo.querySelector("[data-waiting]")) {
        document.querySelector(".photo").replaceWith(photo);
        return;
      }
    } catch { /* the network is away; the next look may do better */ }
    pause = Math.min(pause * 1.5, 30000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
}
