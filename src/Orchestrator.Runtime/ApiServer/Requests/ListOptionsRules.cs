using Orchestrator.Api;

namespace Orchestrator.Runtime.ApiServer.Requests;

/// <summary>Which options of lists and watches go together; the texts are Kubernetes'.</summary>
internal static class ListOptionsRules
{
    private const string NotOlderThan = "NotOlderThan";
    private const string Exact = "Exact";

    public static IReadOnlyList<FieldError> Validate(ListOptions options) =>
        options.IsWatch ? ValidateWatch(options) : ValidateList(options);

    private static List<FieldError> ValidateList(ListOptions options)
    {
        var errors = new List<FieldError>();
        var match = FieldPath.Root.Child("resourceVersionMatch");
        if (options.SendInitialEvents is not null)
            errors.Add(FieldError.Forbidden(
                FieldPath.Root.Child("sendInitialEvents"), "sendInitialEvents is forbidden for list"));
        if (options.ResourceVersionMatch.Length == 0)
            return errors;
        if (options.ResourceVersion.Length == 0)
            errors.Add(FieldError.Forbidden(match, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
        if (options.Continue.Length > 0)
            errors.Add(FieldError.Forbidden(match, "resourceVersionMatch is forbidden when continue is provided"));
        if (options.ResourceVersionMatch is not (Exact or NotOlderThan))
            errors.Add(FieldError.NotSupported(match, options.ResourceVersionMatch, [Exact, NotOlderThan, ""]));
        if (options.ResourceVersionMatch == Exact && options.ResourceVersion == "0")
            errors.Add(FieldError.Forbidden(
                match, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
        return errors;
    }

    private static List<FieldError> ValidateWatch(ListOptions options)
    {
        var errors = new List<FieldError>();
        var match = FieldPath.Root.Child("resourceVersionMatch");
        if (options.SendInitialEvents is not null && options.ResourceVersionMatch != NotOlderThan)
            errors.Add(FieldError.Forbidden(
                match, $"sendInitialEvents requires setting resourceVersionMatch to {NotOlderThan}"));
        if (options.ResourceVersionMatch.Length == 0)
            return errors;
        if (options.SendInitialEvents is null)
            errors.Add(FieldError.Forbidden(
                match, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
        if (options.ResourceVersionMatch != NotOlderThan)
            errors.Add(FieldError.NotSupported(match, options.ResourceVersionMatch, [NotOlderThan]));
        if (options.Continue.Length > 0)
            errors.Add(FieldError.Forbidden(match, "resourceVersionMatch is forbidden when continue is provided"));
        return errors;
    }
}
