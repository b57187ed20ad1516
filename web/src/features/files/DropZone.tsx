// Takes files that are dropped anywhere on the page.

import { useRef, useState, type DragEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { baseName } from "../../lib/paths";
import { Icon } from "../../ui/icons";
import { readDrop, type Dropped } from "./uploads/dropped";
import classes from "./DropZone.module.css";

interface Props {
  folder: string;
  onTake: (dropped: Promise<Dropped>) => void;
  children: ReactNode;
}

export function DropZone({ folder, onTake, children }: Props) {
  const { t } = useTranslation("files");
  const [isOver, setOver] = useState(false);
  const depth = useRef(0);

  const enter = (event: DragEvent) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    depth.current += 1;
    setOver(true);
  };
  const leave = (event: DragEvent) => {
    if (!bringsFiles(event)) return;
    depth.current = Math.max(0, depth.current - 1);
    if (depth.current === 0) setOver(false);
  };
  const drop = (event: DragEvent) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    depth.current = 0;
    setOver(false);
    onTake(readDrop(event.dataTransfer, folder));
  };

  return (
    <div
      className={classes.zone}
      onDragEnter={enter}
      onDragOver={(event) => bringsFiles(event) && event.preventDefault()}
      onDragLeave={leave}
      onDrop={drop}
    >
      {children}
      {isOver && (
        <div className={classes.veil} aria-hidden="true">
          <p>
            <Icon name="upload" size={28} />
            {t("drop_here", { folder: baseName(folder) })}
          </p>
        </div>
      )}
    </div>
  );
}

function bringsFiles(event: DragEvent): boolean {
  return event.dataTransfer.types.includes("Files");
}
