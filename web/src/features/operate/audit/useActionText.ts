// What was done, in words; the portal's own word where there is none here.

import { useTranslation } from "react-i18next";

/** The acts that can be chosen in the filter, by what they are about. */
export const ACTIONS = [
  "sign_in", "sign_in_factor", "sign_out", "back_channel_logout", "begin_factor", "enrol_factor", "remove_factor", "renew_recovery_codes", "change_password",
  "create_token", "use_token", "delete_token", "approve_device", "deny_device",
  "launch_app", "start_app", "open_app", "rename_app", "stop_app", "keep_app", "delete_app",
  "submit_job", "cancel_job", "hold_job", "release_job", "resubmit_job",
  "add_user", "lock_user", "unlock_user", "end_sessions", "reset_factor", "reset_password", "shut_out", "directory_shows_nobody", "set_contract", "clear_contract", "export_audit",
  "add_notice", "remove_notice",
  "make_folder", "move_file", "remove_file", "write_file", "read_file", "upload_file", "end_upload",
  "put_registry", "remove_registry",
  "set_preferences", "find_users", "view_user", "view_activity", "admit_user", "update_user",
] as const;

export function useActionText(): (action: string) => string {
  const { t, i18n } = useTranslation("operate");
  return (action) => {
    const key = `operate:action.${action}`;
    return i18n.exists(key) ? (t(key as never) as string) : action;
  };
}
