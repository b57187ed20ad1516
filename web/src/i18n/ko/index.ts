import account from "./account.json";
import apps from "./apps.json";
import common from "./common.json";
import dashboard from "./dashboard.json";
import errors from "./errors.json";
import files from "./files.json";
import jobs from "./jobs.json";
import signin from "./signin.json";

export default { account, apps, common, dashboard, errors, files, jobs, signin };
