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

{{- /* The configuration as YAML. The chart fills in namespace, image and in_cluster. */ -}}
{{- define "ecolink.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $regions := list -}}
{{- range $config.regions -}}
{{- $region := . -}}
{{- if eq $region.kind "kubernetes" -}}
{{- $here := not (or $region.context $region.kubeconfig) -}}
{{- $known := dict "namespace" $.Release.Namespace "ecolink_image" (include "ecolink.image" $) -}}
{{- if $here }}{{ $_ := set $known "in_cluster" true }}{{ end -}}
{{- $region = merge $region $known -}}
{{- end -}}
{{- $regions = append $regions $region -}}
{{- end -}}
{{- $_ := set $config "regions" $regions -}}
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
