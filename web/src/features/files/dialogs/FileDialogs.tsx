// The dialogs of the files page, one at a time.

import type { Entry } from "../../../api/types";
import { MoveDialog } from "./MoveDialog";
import { NewFolderDialog, RenameDialog } from "./NameDialogs";
import { PreviewDialog } from "./PreviewDialog";
import { RemoveDialog } from "./RemoveDialog";

export type DialogName = { name: "new_folder" | "rename" | "move" | "remove" } | { name: "preview"; entry: Entry };

interface Props {
  dialog: DialogName | null;
  folder: string;
  /** What the dialog is about: the chosen entries, else the one the keyboard stands on. */
  target: readonly Entry[];
  onClose: () => void;
}

export function FileDialogs({ dialog, folder, target, onClose }: Props) {
  const first = target[0];
  switch (dialog?.name) {
    case "new_folder":
      return <NewFolderDialog folder={folder} onClose={onClose} />;
    case "rename":
      return first ? <RenameDialog entry={first} onClose={onClose} /> : null;
    case "move":
      return first ? <MoveDialog entries={target} folder={folder} onClose={onClose} /> : null;
    case "remove":
      return first ? <RemoveDialog entries={target} folder={folder} onClose={onClose} /> : null;
    case "preview":
      return <PreviewDialog entry={dialog.entry} onClose={onClose} />;
    case undefined:
      return null;
  }
}
