package runtimeapi

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// environment is Lambda's, and the function's own:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html. AWS_EXECUTION_ENV is not set for provided.al2023.
func (o *Options) environment(api, folder string) []string {
	own := map[string]bool{}
	for _, e := range o.Env {
		name, _, _ := strings.Cut(e, "=")
		own[name] = true
	}
	var all []string
	for _, e := range [][2]string{
		{"AWS_LAMBDA_RUNTIME_API", api},
		{"AWS_LAMBDA_FUNCTION_NAME", o.Name},
		{"AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"},
		{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"},
		{"AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"},
		{"AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/" + o.Name},
		{"AWS_LAMBDA_LOG_STREAM_NAME", time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + strings.ReplaceAll(uuid.NewString(), "-", "")},
		{"AWS_REGION", o.Region},
		{"AWS_DEFAULT_REGION", o.Region},
		{"_HANDLER", o.Handler},
		{"LAMBDA_TASK_ROOT", folder},
		{"LAMBDA_RUNTIME_DIR", folder},
		{"LANG", "en_US.UTF-8"},
		{"TZ", ":UTC"},
		{"PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"},
	} {
		if !own[e[0]] {
			all = append(all, e[0]+"="+e[1])
		}
	}
	return append(all, o.Env...)
}
