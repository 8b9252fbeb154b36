{{- define "ecolink.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "ecolink.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "ecolink.name" .) -}}
{{- end -}}

{{- define "ecolink.keys" -}}
{{- .Values.keys.secretName | default (printf "%s-keys" (include "ecolink.name" .)) -}}
{{- end -}}

{{- define "ecolink.selector" -}}
app.kubernetes.io/name: ecolink
app.kubernetes.io/component: server
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ecolink.gateway" -}}
{{- printf "%s-gateway" (include "ecolink.name" .) -}}
{{- end -}}

{{- define "ecolink.gatewaySecret" -}}
{{- .Values.gateway.secretName | default (include "ecolink.gateway" .) -}}
{{- end -}}

{{- /* The component tells the two apart, and the NetworkPolicies of engines admit both. */ -}}
{{- define "ecolink.gatewaySelector" -}}
app.kubernetes.io/name: ecolink
app.kubernetes.io/component: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ecolink.gatewayLabels" -}}
{{ include "ecolink.gatewaySelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "ecolink.labels" -}}
{{ include "ecolink.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "ecolink.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- /* An object of this release, or of an earlier one of its name, that says where its models are. Empty for a new installation. */ -}}
{{- define "ecolink.earlier" -}}
{{- $found := lookup "v1" "ConfigMap" .Release.Namespace (include "ecolink.name" .) -}}
{{- if not $found }}{{ $found = lookup "v1" "PersistentVolumeClaim" .Release.Namespace (include "ecolink.name" .) }}{{ end -}}
{{- if not $found }}{{ $found = lookup "v1" "Secret" .Release.Namespace (printf "%s-keys" (include "ecolink.name" .)) }}{{ end -}}
{{- if $found }}{{ ($found.metadata.annotations | default dict) | toYaml }}{{ end -}}
{{- end -}}

{{- /*
The namespace of regions in this cluster that name none. An upgrade moves nothing: the first installation decides. Charts
before this one used the release's namespace. Without the cluster (helm template, Argo CD) nothing shows whether the
installation is new.
*/ -}}
{{- define "ecolink.modelsNamespace" -}}
{{- $earlier := include "ecolink.earlier" . -}}
{{- if .Values.modelsNamespace -}}
{{- .Values.modelsNamespace -}}
{{- else if $earlier -}}
{{- get ($earlier | fromYaml) "ecolink.dev/models-namespace" | default .Release.Namespace -}}
{{- else if and .Release.IsInstall (lookup "v1" "Namespace" "" "kube-system") -}}
{{- include "ecolink.newNamespace" . -}}
{{- else -}}
{{- .Release.Namespace -}}
{{- end -}}
{{- end -}}

{{- define "ecolink.newNamespace" -}}
{{- $parts := list .Release.Namespace (include "ecolink.name" .) | uniq -}}
{{- printf "%s-models" (join "-" $parts | trunc 56 | trimSuffix "-") -}}
{{- end -}}

{{- define "ecolink.annotations" -}}
ecolink.dev/models-namespace: {{ include "ecolink.modelsNamespace" . }}
{{- end -}}

{{- /* The configuration as YAML. The chart fills in namespace, image and in_cluster. */ -}}
{{- define "ecolink.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $regions := list -}}
{{- range $config.regions -}}
{{- $region := . -}}
{{- if eq $region.kind "kubernetes" -}}
{{- $here := not (or $region.context $region.kubeconfig) -}}
{{- $known := dict "namespace" $.Release.Namespace "ecolink_image" (include "ecolink.image" $) -}}
{{- if $here -}}
{{- $known = merge (dict "in_cluster" true "namespace" (include "ecolink.modelsNamespace" $)) $known -}}
{{- end -}}
{{- $region = merge $region $known -}}
{{- end -}}
{{- $regions = append $regions $region -}}
{{- end -}}
{{- $_ := set $config "regions" $regions -}}
{{- $_ := set $config "gateway" (merge ($config.gateway | default dict) (dict "drain" (printf "%dm" (int .Values.gateway.drainMinutes)))) -}}
{{- toYaml $config -}}
{{- end -}}

{{- /* The namespaces of the regions in this cluster, without duplicates, as a YAML list. */ -}}
{{- define "ecolink.namespaces" -}}
{{- $names := list -}}
{{- range (include "ecolink.config" . | fromYaml).regions -}}
{{- if and (eq .kind "kubernetes") .in_cluster }}{{ $names = append $names .namespace }}{{ end -}}
{{- end -}}
{{- toYaml ($names | uniq | sortAlpha) -}}
{{- end -}}
