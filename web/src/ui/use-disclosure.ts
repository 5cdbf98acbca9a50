import { useId } from "react";

// What ties a button to the part of the page that it opens and closes: the attributes of both.
export function useDisclosure(open: boolean, onChange: (open: boolean) => void) {
  const id = useId();
  return {
    button: {
      type: "button",
      "aria-expanded": open,
      "aria-controls": id,
      onClick: () => onChange(!open),
    },
    body: { id, hidden: !open },
  } as const;
}
