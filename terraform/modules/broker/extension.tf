# Whose code may run beside the broker. The extension reads every secret that the broker reads, and anybody can publish a
# layer under its name: what tells AWS's own apart is the account in its ARN.

locals {
  # One account a region, for both architectures, as AWS's user guide lists them (28 July 2026):
  # https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
  extension_accounts = {
    af-south-1     = "317013901791"
    ap-east-1      = "768336418462"
    ap-east-2      = "890742577149"
    ap-northeast-1 = "133490724326"
    ap-northeast-2 = "738900069198"
    ap-northeast-3 = "576959938190"
    ap-south-1     = "176022468876"
    ap-south-2     = "070087711984"
    ap-southeast-1 = "044395824272"
    ap-southeast-2 = "665172237481"
    ap-southeast-3 = "490737872127"
    ap-southeast-4 = "090732460067"
    ap-southeast-5 = "381492012281"
    ap-southeast-6 = "995508174458"
    ap-southeast-7 = "941377119484"
    ca-central-1   = "200266452380"
    ca-west-1      = "243964427225"
    cn-north-1     = "287114880934"
    cn-northwest-1 = "287310001119"
    eu-central-1   = "187925254637"
    eu-central-2   = "772501565639"
    eu-north-1     = "427196147048"
    eu-south-1     = "325218067255"
    eu-south-2     = "524103009944"
    eu-west-1      = "015030872274"
    eu-west-2      = "133256977650"
    eu-west-3      = "780235371811"
    eusc-de-east-1 = "041683371183"
    il-central-1   = "148806536434"
    me-central-1   = "858974508948"
    me-south-1     = "832021897121"
    mx-central-1   = "241533131596"
    sa-east-1      = "933737806257"
    us-east-1      = "177933569100"
    us-east-2      = "590474943231"
    us-gov-east-1  = "129776340158"
    us-gov-west-1  = "127562683043"
    us-west-1      = "997803712105"
    us-west-2      = "345057560386"
  }
}
