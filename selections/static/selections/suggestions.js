"use strict";
// Suggestions of movies and albums show their picture. Loaded after select2, before Django sets up its fields.
{
  const $ = django.jQuery;

  const draw = (work) => {
    if (!work.picture) {
      return work.text;
    }
    const option = document.createElement("span");
    option.className = "work-option";
    option.innerHTML = work.picture; // the frame as the server draws it everywhere: see catalog/pictures.py
    const names = document.createElement("span");
    for (const [tag, text] of [["strong", work.name], ["small", work.by]]) {
      if (text) {
        names.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
    }
    option.append(names);
    return $(option);
  };

  $.fn.select2?.defaults.set("templateResult", draw); // absent where all fields are read-only

  // A chosen work is shown in the frame of its row at once.
  $(document).on("select2:select", ".admin-autocomplete", (event) => {
    const frame = event.target.closest(".inline-related, form").querySelector(".field-picture .picture");
    const picture = document.createElement("template");
    picture.innerHTML = event.params.data.picture || "";
    if (frame && picture.innerHTML) {
      frame.replaceChildren(...picture.content.firstElementChild.childNodes);
    }
  });
}
