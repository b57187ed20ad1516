import account from "./account.json";
import apps from "./apps.json";
import common from "./common.json";
import dashboard from "./dashboard.json";
import device from "./device.json";
import errors from "./errors.json";
import factors from "./factors.json";
import files from "./files.json";
import jobs from "./jobs.json";
import operate from "./operate.json";
import signin from "./signin.json";

export default { account, apps, common, dashboard, device, errors, factors, files, jobs, operate, signin };
