// What can be done in the folder, and with what is chosen in it.

import { Button, Checkbox, FileButton, Menu } from "@mantine/core";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Entry } from "../../api/types";
import { contentAddress } from "../../lib/paths";
import { Icon } from "../../ui/icons";
import type { DialogName } from "./dialogs/FileDialogs";
import { isFile } from "./sort";
import { readChosen, type Dropped } from "./uploads/dropped";
import classes from "./Toolbar.module.css";

interface Props {
  folder: string;
  chosen: readonly Entry[];
  onDialog: (dialog: DialogName) => void;
  onTake: (dropped: Dropped) => void;
  showsHidden: boolean;
  onShowsHidden: (shows: boolean) => void;
}

export function Toolbar({ folder, chosen, onDialog, onTake, showsHidden, onShowsHidden }: Props) {
  const { t } = useTranslation("files");
  return (
    <div className={classes.bar} role="toolbar" aria-label={t("actions")}>
      <UploadButton folder={folder} onTake={onTake} />
      <Button variant="default" leftSection={<Icon name="folderPlus" />} onClick={() => onDialog({ name: "new_folder" })}>
        {t("new_folder.action")}
      </Button>
      <Checkbox
        size="xs"
        label={t("show_hidden")}
        checked={showsHidden}
        onChange={(event) => onShowsHidden(event.currentTarget.checked)}
      />
      {chosen.length > 0 && <ChosenActions chosen={chosen} onDialog={onDialog} />}
    </div>
  );
}

function UploadButton({ folder, onTake }: Pick<Props, "folder" | "onTake">) {
  const { t } = useTranslation("files");
  const folderInput = useRef<HTMLInputElement>(null);
  return (
    <span className={classes.split}>
      <FileButton multiple onChange={(files) => files.length > 0 && onTake(readChosen(files, folder))}>
        {(props) => (
          <Button {...props} leftSection={<Icon name="upload" />}>
            {t("upload")}
          </Button>
        )}
      </FileButton>
      <Menu position="bottom-start">
        <Menu.Target>
          <Button aria-label={t("upload_more")} px="xs">
            <Icon name="down" />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => folderInput.current?.click()}>{t("upload_folder")}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <input
        ref={(input) => {
          folderInput.current = input;
          input?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={(event) => {
          onTake(readChosen(Array.from(event.currentTarget.files ?? []), folder));
          event.currentTarget.value = "";
        }}
      />
    </span>
  );
}

function ChosenActions({ chosen, onDialog }: Pick<Props, "chosen" | "onDialog">) {
  const { t } = useTranslation("files");
  const single = chosen.length === 1 ? chosen[0] : undefined;
  return (
    <div className={classes.chosen}>
      <span className="muted small" role="status">
        {t("chosen", { count: chosen.length })}
      </span>
      {single && isFile(single) && (
        <Button component="a" href={contentAddress(single.path)} download variant="default" leftSection={<Icon name="download" />}>
          {t("download")}
        </Button>
      )}
      {single && (
        <Button variant="default" leftSection={<Icon name="edit" />} onClick={() => onDialog({ name: "rename" })}>
          {t("rename.action")}
        </Button>
      )}
      <Button variant="default" leftSection={<Icon name="move" />} onClick={() => onDialog({ name: "move" })}>
        {t("move.action")}
      </Button>
      <Button variant="default" leftSection={<Icon name="trash" />} onClick={() => onDialog({ name: "remove" })}>
        {t("remove.action")}
      </Button>
    </div>
  );
}
