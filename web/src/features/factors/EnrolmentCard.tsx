// What the authenticator app scans, or the person types into it.

import { useTranslation } from "react-i18next";

import type { Enrolment } from "../../api/types";
import { CopyButton } from "../../components/CopyButton";
import { spacedSecret } from "./code";
import classes from "./factors.module.css";

export function EnrolmentCard({ enrolment }: { enrolment: Enrolment }) {
  const { t } = useTranslation("factors");
  return (
    <div className={classes.enrolment}>
      {/* As an image: whatever the drawing holds, nothing in it runs. */}
      <img className={classes.qr} src={`data:image/svg+xml,${encodeURIComponent(enrolment.qr_svg)}`} alt={t("enrol.qr")} />
      <div className={classes.secret}>
        <p className="small">{t("enrol.cannot_scan")}</p>
        <code>{spacedSecret(enrolment.secret)}</code>
        <div>
          <CopyButton text={enrolment.secret} />
        </div>
        <a className="small" href={enrolment.uri}>
          {t("enrol.open_app")}
        </a>
      </div>
    </div>
  );
}
