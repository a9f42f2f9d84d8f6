// Goes on with an import that takes longer than one request; without scripts its button does.
for (const form of document.querySelectorAll("form[data-goes-on]")) {
  form.requestSubmit(form.querySelector("[name=apply]"));
}
