{{- define "kairos.name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end -}}

{{- define "kairos.selector" -}}
app.kubernetes.io/name: kairos
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kairos.labels" -}}
{{ include "kairos.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "kairos.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}

{{- define "kairos.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "kairos.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Files of secrets, as environment of settings. */}}
{{- define "kairos.environment" -}}
- {name: KAIROS_CONFIG, value: /etc/kairos/kairos.toml}
- {name: KAIROS_METRICS_HOST, value: "0.0.0.0"}
- {name: KAIROS_METRICS_PORT, value: "9464"}
- {name: KAIROS_METRICS_TOKEN_FILE, value: /etc/kairos/metrics/token}
{{- if .Values.secrets.saslPassword }}
- {name: KAIROS_SASL_PASSWORD_FILE, value: /etc/kairos/sasl/password}
{{- end }}
{{- if .Values.secrets.ca }}
- {name: KAIROS_CA_FILE, value: /etc/kairos/ca/ca.crt}
{{- end }}
{{- if .Values.secrets.tls }}
- {name: KAIROS_CERT_FILE, value: /etc/kairos/tls/tls.crt}
- {name: KAIROS_KEY_FILE, value: /etc/kairos/tls/tls.key}
{{- end }}
{{- if .Values.referenceVolume }}
- {name: KAIROS_REFERENCE, value: /var/lib/kairos/reference}
{{- end }}
{{- if .Values.definitionsVolume }}
- {name: KAIROS_DEFINITIONS, value: /var/lib/kairos/definitions}
{{- end }}
{{- end -}}

{{- define "kairos.mounts" -}}
- {name: settings, mountPath: /etc/kairos/kairos.toml, subPath: kairos.toml, readOnly: true}
- {name: metrics-token, mountPath: /etc/kairos/metrics, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.secrets.saslPassword }}
- {name: sasl, mountPath: /etc/kairos/sasl, readOnly: true}
{{- end }}
{{- if .Values.secrets.ca }}
- {name: ca, mountPath: /etc/kairos/ca, readOnly: true}
{{- end }}
{{- if .Values.secrets.tls }}
- {name: tls, mountPath: /etc/kairos/tls, readOnly: true}
{{- end }}
{{- if .Values.referenceVolume }}
- {name: reference, mountPath: /var/lib/kairos/reference, readOnly: true}
{{- end }}
{{- if .Values.definitionsVolume }}
- {name: definitions, mountPath: /var/lib/kairos/definitions, readOnly: true}
{{- end }}
{{- end -}}

{{- define "kairos.volumes" -}}
- name: settings
  configMap: {name: {{ include "kairos.name" . }}}
- name: metrics-token
  secret: {secretName: {{ .Values.secrets.metricsToken }}, defaultMode: 0440}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
{{- if .Values.secrets.saslPassword }}
- name: sasl
  secret: {secretName: {{ .Values.secrets.saslPassword }}, defaultMode: 0440}
{{- end }}
{{- if .Values.secrets.ca }}
- name: ca
  secret: {secretName: {{ .Values.secrets.ca }}, defaultMode: 0440}
{{- end }}
{{- if .Values.secrets.tls }}
- name: tls
  secret: {secretName: {{ .Values.secrets.tls }}, defaultMode: 0440}
{{- end }}
{{- with .Values.referenceVolume }}
- name: reference
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.definitionsVolume }}
- name: definitions
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* TOML of the settings: texts quoted, numbers, truth values and lists as they are. */}}
{{- define "kairos.toml" -}}
{{- range $name, $value := .Values.settings }}
{{ $name }} = {{ if kindIs "float64" $value }}{{ $value | int64 }}{{ else }}{{ $value | toJson }}{{ end }}
{{- end }}
{{- range $event, $parameters := .Values.events }}

[events.{{ $event | quote }}]
{{- range $name, $value := $parameters }}
{{ $name }} = {{ if kindIs "float64" $value }}{{ $value | int64 }}{{ else }}{{ $value | toJson }}{{ end }}
{{- end }}
{{- end }}
{{- end -}}
