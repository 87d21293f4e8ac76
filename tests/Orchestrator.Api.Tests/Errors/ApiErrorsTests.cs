using System.Text;

namespace Orchestrator.Api.Tests.Errors;

public sealed class ApiErrorsTests
{
    private static readonly GroupResource Deployments = new("apps", "deployments");
    private static readonly GroupResource Pods = new("", "pods");

    public static TheoryData<ApiException, string> Bodies() => new()
    {
        { ApiErrors.NotFound(Pods, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":404,"details":{"kind":"pods","name":"web"},"message":"pods \"web\" not found","reason":"NotFound","status":"Failure"}""" },
        { ApiErrors.AlreadyExists(Deployments, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":409,"details":{"group":"apps","kind":"deployments","name":"web"},"message":"deployments.apps \"web\" already exists","reason":"AlreadyExists","status":"Failure"}""" },
        { ApiErrors.Conflict(Deployments, "web"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":409,"details":{"group":"apps","kind":"deployments","name":"web"},"message":"Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","status":"Failure"}""" },
        { ApiErrors.BadRequest("no"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":400,"message":"no","reason":"BadRequest","status":"Failure"}""" },
        { ApiErrors.Forbidden(Pods, "", "User \"eve\" cannot list resource \"pods\""), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":403,"details":{"kind":"pods"},"message":"pods is forbidden: User \"eve\" cannot list resource \"pods\"","reason":"Forbidden","status":"Failure"}""" },
        { ApiErrors.Unauthorized(), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":401,"message":"Unauthorized","reason":"Unauthorized","status":"Failure"}""" },
        { ApiErrors.MethodNotSupported(Deployments, "get"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":405,"details":{"group":"apps","kind":"deployments"},"message":"get is not supported on resources of kind \"deployments.apps\"","reason":"MethodNotAllowed","status":"Failure"}""" },
        { ApiErrors.NotAcceptable(["application/json", "application/yaml"]), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":406,"message":"only the following media types are accepted: application/json, application/yaml","reason":"NotAcceptable","status":"Failure"}""" },
        { ApiErrors.UnsupportedMediaType(["application/json"]), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":415,"message":"the body of the request was in an unknown format - accepted media types include: application/json","reason":"UnsupportedMediaType","status":"Failure"}""" },
        { ApiErrors.RequestEntityTooLarge("limit is 3145728"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":413,"message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","status":"Failure"}""" },
        { ApiErrors.Expired("too old resource version: 1 (5)"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":410,"message":"too old resource version: 1 (5)","reason":"Expired","status":"Failure"}""" },
        { ApiErrors.TooManyRequests("later", 1), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":429,"details":{"retryAfterSeconds":1},"message":"later","reason":"TooManyRequests","status":"Failure"}""" },
        { ApiErrors.Timeout("slow", 0), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":504,"details":{},"message":"Timeout: slow","reason":"Timeout","status":"Failure"}""" },
        { ApiErrors.InternalError("broken"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":500,"details":{"causes":[{"message":"broken"}]},"message":"Internal error occurred: broken","reason":"InternalError","status":"Failure"}""" },
        { ApiErrors.ServiceUnavailable("no"), """{"kind":"Status","apiVersion":"v1","metadata":{},"code":503,"message":"no","reason":"ServiceUnavailable","status":"Failure"}""" },
    };

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_refusal_is_the_very_Status_that_clients_know(ApiException exception, string body)
    {
        Assert.Equal(body, Encoding.UTF8.GetString(KubernetesJson.Serialize(exception.Status)));
        Assert.Equal(exception.Status.Code, exception.Code);
    }

    [Fact]
    public void An_invalid_object_is_told_all_that_is_wrong_with_it()
    {
        var spec = FieldPath.Of("spec");

        var exception = ApiErrors.Invalid(new GroupKind("apps", "Deployment"), "web",
            [FieldError.Invalid(spec.Child("replicas"), -1, "must be greater than or equal to 0"), FieldError.Required(spec.Child("selector"))]);

        Assert.Equal("Deployment.apps \"web\" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.selector: Required value]",
            exception.Message);
        Assert.Equal(422, exception.Code);
        Assert.Equal("""[{"field":"spec.replicas","message":"Invalid value: -1: must be greater than or equal to 0","reason":"FieldValueInvalid"},{"field":"spec.selector","message":"Required value","reason":"FieldValueRequired"}]""",
            $"[{string.Join(',', exception.Status.Details!.Causes!.Select(cause => Encoding.UTF8.GetString(KubernetesJson.Serialize(cause))))}]");
    }

    [Fact]
    public void One_error_stands_without_brackets_and_a_message_is_said_once()
    {
        var error = FieldError.Required(FieldPath.Of("metadata", "name"), "name or generateName is required");

        Assert.Equal("Pod \"\" is invalid: metadata.name: Required value: name or generateName is required",
            ApiErrors.Invalid(new GroupKind("", "Pod"), "", [error, error]).Message);
    }
}
