// The centre's notices above everything else, until the person puts them away.

import { useState } from "react";

import { NoticeBoard } from "../../components/NoticeBoard";
import { useNotices } from "../../components/useNotices";
import { dismiss, dismissed } from "../../lib/dismissed";

export function Announcements() {
  const notices = useNotices();
  const [away, setAway] = useState(dismissed);
  const told = notices.map(({ id }) => id);
  return <NoticeBoard notices={notices.filter(({ id }) => !away.includes(id))} onDismiss={({ id }) => setAway(dismiss(id, told))} />;
}
