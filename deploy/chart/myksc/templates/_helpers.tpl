{{/* What everything of the release is called, or begins with. */}}
{{- define "myksc.name" -}}
{{- .Values.name | default .Release.Name -}}
{{- end -}}

{{- define "myksc.labels" -}}
app.kubernetes.io/name: myksc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "myksc.selector" -}}
app.kubernetes.io/name: myksc
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The account that holds the rights on the cluster. RoleBindings in people's namespaces name it: it must not change. */}}
{{- define "myksc.account" -}}
{{- .Values.account.name | default (printf "%s-control" (include "myksc.name" .)) -}}
{{- end -}}

{{- define "myksc.namespaceRole" -}}
{{- printf "%s-namespace" (include "myksc.name" .) -}}
{{- end -}}

{{/* The account as requests name it, as a string of CEL. */}}
{{- define "myksc.user" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "myksc.account" .) | toJson -}}
{{- end -}}

{{/* What the names of people's namespaces match, as a string of CEL. */}}
{{- define "myksc.namespaces" -}}
{{- printf "^%s[1-9][0-9]*(-[a-z0-9-]*)?$" (regexQuoteMeta .Values.people.namespacePrefix) | toJson -}}
{{- end -}}

{{/* What the folders match that may be mounted, as a string of CEL. A name is anything but "." and "..". */}}
{{- define "myksc.folders" -}}
{{- $name := "[^/:]*[^/:.][^/:]*" -}}
{{- $all := list -}}
{{- range .Values.storage.roots -}}
{{- $all = append $all (printf "%s/%s" (replace "\\*" $name (regexQuoteMeta .)) $name) -}}
{{- end -}}
{{- range .Values.storage.shared -}}
{{- $all = append $all (regexQuoteMeta .) -}}
{{- end -}}
{{- printf "^(%s)$" (join "|" $all) | toJson -}}
{{- end -}}

{{/* Patterns of the images that may run in people's namespaces: the site's own and the portal's, and those that people name. */}}
{{- define "myksc.imagePatterns" -}}
{{- $all := list -}}
{{- with .Values.images.registry -}}
{{- $all = append $all (printf "%s/**" (trimSuffix "/" .)) -}}
{{- end -}}
{{- with .Values.images.agent.repository -}}
{{- $all = append $all . -}}
{{- end -}}
{{- concat $all (.Values.images.allowed | default list) | uniq | toJson -}}
{{- end -}}

{{/* What the images of these patterns match, as the portal takes them (kubernetes.images), as a string of CEL. */}}
{{- define "myksc.images" -}}
{{- $all := list -}}
{{- range include "myksc.imagePatterns" . | fromJsonArray -}}
{{- $name := regexReplaceAll "[:@][^/]*$" . "" -}}
{{- $suffix := trimPrefix $name . | regexQuoteMeta -}}
{{- $host := hasPrefix "*/" $name | ternary "[a-zA-Z0-9.-]+(:[0-9]+)?/" "" -}}
{{- $path := regexQuoteMeta (trimPrefix "*/" $name) | replace "\\*\\*" "[a-z0-9._/-]+" | replace "\\*" "[a-z0-9._-]+" -}}
{{- if hasPrefix ":" $suffix -}}
{{- $suffix = replace "\\*" "[A-Za-z0-9_.-]*" $suffix -}}
{{- else if $suffix -}}
{{- $suffix = printf "(:[A-Za-z0-9_.-]+)?%s" (replace "\\*" "sha256:[0-9a-f]+" $suffix) -}}
{{- else -}}
{{- $suffix = "(:[A-Za-z0-9_.-]+)?(@sha256:[0-9a-f]+)?" -}}
{{- end -}}
{{- $all = append $all (printf "%s%s%s" $host $path $suffix) -}}
{{- end -}}
{{- printf "^(%s)$" (join "|" $all) | toJson -}}
{{- end -}}

{{/* The policies' rule for the kinds in people's namespaces. */}}
{{- define "myksc.inNamespaces" -}}
namespaceSelector:
  matchLabels:
    myksc.io/namespace: user
{{- end -}}

{{/* A policy is nothing without its binding: [policy's name, context]. */}}
{{- define "myksc.binding" -}}
{{- $name := index . 0 -}}
{{- $context := index . 1 -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "myksc.labels" $context | nindent 4 }}
spec:
  policyName: {{ $name }}
  validationActions: [Deny]
{{- end -}}

{{/* An image's whole name: [values, default tag]. */}}
{{- define "myksc.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 1) }}
{{- end -}}
{{- end -}}

{{/* The portal's configuration: what the chart knows, then what the operator says. JSON's texts and lists are TOML's. */}}
{{- define "myksc.config" -}}
[server]
listen = "0.0.0.0:{{ include "myksc.port" . }}"
origin = {{ .Values.portal.origin | toJson }}
apps_domain = {{ .Values.portal.appsDomain | toJson }}
trusted_proxies = {{ .Values.front.trustedProxies | toJson }}
{{- if .Values.front.tls.secretName }}

[server.tls]
certificate = "/etc/myksc/tls/tls.crt"
key = "/etc/myksc/tls/tls.key"
{{- end }}

[state]
folder = "/var/lib/myksc/state"

[queue]
enabled = false

[kubernetes]
namespace_prefix = {{ .Values.people.namespacePrefix | toJson }}
registry = {{ .Values.images.registry | toJson }}
{{- if kindIs "slice" .Values.images.allowed }}
images = {{ .Values.images.allowed | toJson }}
{{- end }}
agent_image = {{ include "myksc.image" (list .Values.images.agent .Chart.AppVersion) | toJson }}
storage = {{ .Values.storage.kind | toJson }}
gateway_networks = {{ .Values.network.gateway | toJson }}
{{- $labels := list }}
{{- range $name, $value := include "myksc.selector" . | fromYaml }}
{{- $labels = append $labels (printf "%s = %s" (toJson $name) (toJson $value)) }}
{{- end }}
gateway_pods = { namespace = {{ .Release.Namespace | toJson }}, labels = { {{ join ", " $labels }} } }
dns_servers = {{ .Values.network.dnsServers | toJson }}
open_networks = {{ .Values.network.open | toJson }}
closed_networks = {{ .Values.network.closed | toJson }}
gpu_resource = {{ .Values.gpuResource | toJson }}
grant = { role = {{ include "myksc.namespaceRole" . | toJson }}, namespace = {{ .Release.Namespace | toJson }}, account = {{ include "myksc.account" . | toJson }} }
{{- range .Values.storage.mounts }}

[[kubernetes.mounts]]
id = {{ .id | toJson }}
path = {{ .path | toJson }}
read_only = {{ .readOnly | default false }}
{{- end }}
{{- with .Values.environment }}

[apps.environment]
{{- range $name, $value := . }}
{{ toJson $name }} = {{ toJson $value }}
{{- end }}
{{- end }}
{{- $authorities := ternary "/etc/myksc/config/ca.pem" "" (ne .Values.site.authorities "") }}
{{- $settings := dict "time_zone" .Values.site.timeZone "proxy" .Values.site.proxy "no_proxy" .Values.site.noProxy
  "ca_file" $authorities "pip_index" .Values.site.pipIndex "conda_channels" .Values.site.condaChannels
  "cran" .Values.site.cran "npm_registry" .Values.site.npmRegistry }}
{{- $site := list }}
{{- range $key, $value := $settings }}
{{- if $value }}
{{- $site = append $site (printf "%s = %s" $key (toJson $value)) }}
{{- end }}
{{- end }}
{{- with $site }}

[apps.site]
{{ join "\n" . }}
{{- end }}
{{- with .Values.portal.config }}

{{ . | trim }}
{{- end }}
{{- end -}}

{{/* The port that the portal listens at. */}}
{{- define "myksc.port" -}}
{{- ternary 8443 8080 (ne .Values.front.tls.secretName "") -}}
{{- end -}}
